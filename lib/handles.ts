// What a call of a canvas returns: the handle of its last unit, and by way of `parent` those of the units before it. Celery: the result
// of `apply_async`.
import type { App } from "./app.ts";
import { bodyOf, CHAIN, CHORD, GROUP, headerOf, idOf, tasksOf } from "./core/canvas-shape.ts";
import { GroupResult } from "./group-result.ts";
import { resultsOf } from "./members.ts";
import { AsyncResult, type Handle, type ResultDeps } from "./result.ts";
import type { WireSignature } from "./wire/signature.ts";

/** `frozen`: as it was planned. */
export function handleOf(frozen: WireSignature, app: App): Handle {
  return unit(frozen, depsOf(app), undefined);
}

/** Of a group whose members nobody has spelled out. */
export function groupHandle(id: string, size: number, app: App): GroupResult {
  return new GroupResult(id, depsOf(app), { size });
}

/** Of what follows one. */
export function handleAfter(group: string, size: number, id: string, app: App): Handle {
  return after(groupHandle(group, size, app), (parent) => new AsyncResult(id, depsOf(app), { parent }));
}

function depsOf(app: App): ResultDeps {
  return { ...app.resultDeps(), resultsOf };
}

function unit(sig: WireSignature, deps: ResultDeps, parent: Handle | undefined): Handle {
  const before = parent && { parent };
  switch (sig.task) {
    case CHAIN:
      return tasksOf(sig).reduce<Handle | undefined>((last, step) => following(step, deps, last), parent) as Handle; // no chain is empty
    case CHORD: {
      const group = unit(headerOf(sig), deps, parent);
      return after(group, (header) => unit(bodyOf(sig), deps, header));
    }
    case GROUP:
      return new GroupResult(idOf(sig) as string, deps, {
        size: tasksOf(sig).length,
        untracked: sig.options.ignore_result === true,
        ...before,
      }); // it is frozen, and has an id
    default:
      return new AsyncResult(idOf(sig) as string, deps, before); // it is frozen
  }
}

function following(step: WireSignature, deps: ResultDeps, last: Handle | undefined): Handle {
  return last === undefined ? unit(step, deps, undefined) : after(last, (parent) => unit(step, deps, parent));
}

/** The one that is made is a child of the one before it; a group's children are its members. */
function after(parent: Handle, make: (parent: Handle) => Handle): Handle {
  const child = make(parent);
  if (parent instanceof AsyncResult) Object.assign(parent, { children: [firstOf(child, parent)] });
  return child;
}

/** Of what was made after `parent`, the one that starts right after it. */
function firstOf(child: Handle, parent: Handle): Handle {
  let first = child;
  while (first.parent !== undefined && first.parent !== parent) first = first.parent;
  return first;
}
