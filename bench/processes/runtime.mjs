// The runtime of a measured function: node runtime.mjs <bundle>. JavaScript, so that nothing is compiled in the time measured.
import { get, request } from "node:http";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const url = (path) => `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/${path}`;
const post = (path, body) =>
  new Promise((resolve) =>
    request(url(path), { method: "POST" }, (answer) => answer.resume().on("end", resolve)).end(body),
  );

const { handler } = await import(pathToFileURL(process.argv[2]).href);
for (;;) {
  const next = await new Promise((resolve) => get(url("invocation/next"), resolve));
  const id = next.headers["lambda-runtime-aws-request-id"];
  const deadline = Number(next.headers["lambda-runtime-deadline-ms"]);
  const context = {
    awsRequestId: id,
    functionName: "bench",
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  const answer = await handler(JSON.parse(await text(next)), context);
  await post(`invocation/${id}/response`, JSON.stringify(answer));
}
