// The Lambda workloads of `lovage dev`: their functions run in processes of their own, and say there what a worker would say here.
import { systemClock } from "../clock.ts";
import { connectToAws } from "../connection.ts";
import { lambdaLogging, useEnvironment } from "../environment.ts";
import { LambdaHost, type LambdaWorkload } from "../local/lambda/host.ts";
import type { LocalStack } from "../local/stack.ts";
import type { Broker } from "../ports/broker.ts";
import type { Definition } from "./definition.ts";
import type { Output } from "./output.ts";

/** Returns what starts the functions of a definition; undefined where it has no Lambda workload. */
export function functionsOf(module: string, stack: LocalStack, output: Output) {
  let broker: Promise<Broker> | undefined;
  const connect = async (app: string) => {
    useEnvironment(stack.environment);
    return (await connectToAws(app, systemClock, undefined)).broker;
  };
  return async (definition: Definition): Promise<LambdaHost | undefined> => {
    const workloads = definition.workloads.flatMap(({ lambda, ...workload }): LambdaWorkload[] =>
      lambda === undefined ? [] : [{ ...workload, ...lambda }],
    );
    if (workloads.length === 0) return undefined;
    broker ??= connect(definition.app);
    return new LambdaHost({
      module,
      workloads,
      broker: await broker,
      environment: { ...stack.environment, ...lambdaLogging(output.logFormat, output.debug ? "debug" : "info") },
      onLine: (line, stream) => process[stream].write(`${line}\n`),
      onProblem: (problem) => output.logger().error({}, problem),
    });
  };
}
