// `send --batch`: a call for every line of a file.
import type { Command } from "commander";
import { InvalidOption } from "../errors.ts";
import { printableJson, printableLine } from "../printable.ts";
import { type BatchSummary, sendBatch } from "./batch.ts";
import { batchCall } from "./batch-call.ts";
import { causeOf } from "./cause.ts";
import { parseExact } from "./exact-json.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { LineWriter } from "./line-writer.ts";
import { type Line, openLines } from "./lines.ts";
import { Output, type Style } from "./output.ts";
import { showProgress } from "./progress.ts";
import { callOf, type SendVerbOptions } from "./send-call.ts";
import { target } from "./target.ts";

/** Errors shown where no file takes them. */
const SHOWN_ERRORS = 20;

export async function sendBatchVerb(
  command: Command,
  task: string | undefined,
  path: string,
  options: SendVerbOptions,
): Promise<ExitCode> {
  const output = new Output(options);
  await using found = await target(command, options, options.workload === undefined ? [] : [options.workload]);
  if (task !== undefined) callOf(task, found, options); // a task nobody knows is wrong in every line
  using interruption = new Interruption(() =>
    output.remark(({ dim }) => dim("stopping: waiting for what is being sent; again to stop at once")),
  );
  const stuck = new AbortController();
  const signal = AbortSignal.any([interruption.signal, stuck.signal]);
  const source = await openLines(path, signal);
  const ids = options.ids === undefined ? undefined : await LineWriter.toFile(options.ids);
  const errors = options.errors === undefined ? undefined : await LineWriter.toFile(options.errors);
  const sentTo = ids ?? (output.json ? LineWriter.toStdout() : undefined);
  const write = async (to: LineWriter | undefined, value: object) => {
    await to?.write(value);
    if (to?.problem !== undefined) stuck.abort();
  };
  const progress = await showProgress(output, source.totalBytes, options.quiet ?? false);
  let [sent, wrong] = [0, 0];
  const tell = ({ bytes }: Line) => {
    const failed = wrong === 0 ? "" : `, ${number(wrong)} not`;
    progress.update(bytes, `${number(sent)} sent${failed}`);
  };
  const shown: string[] = [];
  const tasks = new Map<number, string>();
  let summary: BatchSummary;
  try {
    summary = await sendBatch({
      lines: source.lines,
      fromLine: options.fromLine ?? 1,
      signal,
      send: async (line) => {
        if (line.problem !== undefined) throw new InvalidOption(line.problem);
        const call = batchCall(line.text, task);
        tasks.set(line.number, call.task);
        const result = await found.app.sendTask(call.task, call.args, {
          ...callOf(call.task, found, options),
          ...call.options,
        });
        return result.id;
      },
      onSent: async (line, id) => {
        sent++;
        tell(line);
        const name = tasks.get(line.number);
        tasks.delete(line.number);
        await write(sentTo, { line: line.number, id, task: name });
      },
      onFailed: async (line, error) => {
        wrong++;
        tell(line);
        tasks.delete(line.number);
        const { code, message } = causeOf(error);
        if (errors === undefined && !output.json) {
          if (shown.length < SHOWN_ERRORS) shown.push(`line ${line.number}: ${message}`);
          return;
        }
        const call = parseExact(line.text);
        const failure = { line: line.number, code, message, call: "value" in call ? call.value : line.text };
        if (errors !== undefined) await write(errors, failure);
        else process.stderr.write(`${printableJson({ error: failure })}\n`);
      },
    });
  } finally {
    progress.stop();
  }
  const resume = resumeLine(summary, errors !== undefined);
  if (shown.length > 0)
    output.remark(({ red }) => shown.map((line) => `${red("error:")} ${printableLine(line)}`).join("\n"));
  const { sent: accepted, refused, failed, complete } = summary;
  output.show({ summary: { sent: accepted, refused, failed, complete, fromLine: resume } }, (style) =>
    summaryText(summary, shown.length, resume, options.errors, sendAgain(task, options), style),
  );
  await ids?.close();
  await errors?.close();
  if (summary.failure !== undefined) throw summary.failure;
  return interruption.code ?? (summary.refused > 0 ? EXIT.failed : EXIT.ok);
}

/** Where to go on. Without a file of errors, calls that failed have no other place to come from. */
function resumeLine({ complete, firstFailed, nextLine }: BatchSummary, kept: boolean): number | undefined {
  if (complete) return undefined;
  return kept ? nextLine : (firstFailed ?? nextLine);
}

/** What sends the calls that were mended: to the same app, with the same task for lines that name none. */
function sendAgain(task: string | undefined, { app, name, local, workload, countdown }: SendVerbOptions): string {
  const flags = Object.entries({ app, name, workload, countdown }).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, shellWord(String(value))],
  );
  const words = [...(task === undefined ? [] : [shellWord(task)]), "--batch", "-", ...flags];
  return ["lovage", "send", ...words, ...(local ? ["--local"] : [])].join(" ");
}

const shellWord = (text: string) => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function summaryText(
  { sent, refused, failed, nextLine }: BatchSummary,
  shown: number,
  resume: number | undefined,
  errors: string | undefined,
  again: string,
  { bold }: Style,
): string {
  const wrong = [
    ...(refused === 0 ? [] : [`${number(refused)} refused`]),
    ...(failed === 0 ? [] : [`${number(failed)} failed`]),
  ];
  const lines = [`${bold("sent")} ${number(sent)}${wrong.length === 0 ? "" : `; ${wrong.join(", ")}`}`];
  if (wrong.length > 0 && errors !== undefined)
    lines.push(`what was not sent is in ${errors}; mend it, then: jq -c .call ${shellWord(errors)} | ${again}`);
  else if (refused + failed > shown)
    lines.push(`${number(refused + failed - shown)} more errors; --errors <file> keeps them all`);
  if (resume !== undefined) {
    const again =
      resume < nextLine ? `; calls of lines ${resume} to ${nextLine - 1} that were sent are sent again` : "";
    lines.push(`go on with --from-line ${resume}${again}`);
  }
  return lines.join("\n");
}

const number = (value: number) => value.toLocaleString("en");
