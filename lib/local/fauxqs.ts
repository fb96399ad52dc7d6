// SQS on one machine: fauxqs, inside the process of emulators. Always in memory: with persistence it loses every
// message whose visibility is set to 0.
import type { AddressInfo } from "node:net";
import { StartupFailed } from "../errors.ts";
import { type AwsRequest, headersOf, LOCAL_REGION, LOOPBACK } from "./aws-request.ts";
import { isPortInUse, portInUse } from "./ports.ts";

const INSTALL = "npm install --save-dev fauxqs@2.4.1";

const GIVES_A_URL = /\.(CreateQueue|GetQueueUrl|ListQueues)$/;
const QUEUE_HOST = `http://sqs.${LOCAL_REGION}.localhost`;

export interface Fauxqs {
  readonly port: number;
  close(): Promise<void>;
}

/** `setup` is carried out before anybody can connect. */
export async function startFauxqs(
  port: number,
  setup: readonly AwsRequest[] = [],
  load: () => Promise<typeof import("fauxqs")> = () => import("fauxqs"),
): Promise<Fauxqs> {
  const { buildApp } = await loaded(load);
  const app = buildApp({ logger: false });
  // Not every machine resolves the host in fauxqs's queue URLs, and an SDK client that has its endpoint from the environment
  // goes there.
  app.addHook("onSend", async (request, _reply, payload) =>
    typeof payload === "string" && GIVES_A_URL.test(String(request.headers["x-amz-target"]))
      ? payload.replaceAll(QUEUE_HOST, `http://${LOOPBACK}`)
      : payload,
  );
  const host = `${LOOPBACK}:${port}`;
  for (const request of setup) {
    const headers = { ...headersOf(request), host };
    const answer = await app.inject({ method: "POST", url: "/", headers, payload: JSON.stringify(request.input) });
    if (answer.statusCode !== 200) throw new StartupFailed(`fauxqs refused ${request.action}: ${answer.body}`);
  }
  try {
    await app.listen({ host: LOOPBACK, port });
  } catch (error) {
    throw isPortInUse(error) ? portInUse(port, "SQS", "sqsPort", error) : error;
  }
  const { port: bound } = app.server.address() as AddressInfo; // a TCP server has no other address
  return {
    port: bound,
    close: async () => {
      await app.close();
    },
  };
}

async function loaded(load: () => Promise<typeof import("fauxqs")>): Promise<typeof import("fauxqs")> {
  try {
    return await load();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    if (
      cause instanceof Error &&
      "code" in cause &&
      cause.code === "ERR_MODULE_NOT_FOUND" &&
      why.includes("'fauxqs'")
    ) {
      throw new StartupFailed(`the local SQS needs the package "fauxqs", which is not installed; run: ${INSTALL}`, {
        cause,
      });
    }
    throw new StartupFailed(
      `the package "fauxqs" does not load in Node ${process.version}: ${why}; it needs Node 22.5 or later; to install it again run: ${INSTALL}`,
      { cause },
    );
  }
}
