// What AWS refuses: emulators refuse nothing.
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type Check, failed, passed, withTasks } from "../check.ts";

export const ACCESS_CHECKS: readonly Check[] = [
  {
    name: "signatures",
    proves: "requests are signed as AWS asks: the same request with another secret is refused",
    onlyOnAws: "emulators take any signature",
    seconds: 30,
    run: async () => {
      const sqs = new SQSClient({});
      const { accessKeyId, sessionToken } = await sqs.config.credentials();
      await sqs.send(new ListQueuesCommand({ MaxResults: 1 })).catch((error: Error) => {
        if (error.name !== "AccessDenied") throw error; // signed well, and not allowed: that is a good signature, too
      });
      const forged = new SQSClient({
        credentials: { accessKeyId, secretAccessKey: "another", ...(sessionToken && { sessionToken }) },
      });
      const answer = await forged.send(new ListQueuesCommand({ MaxResults: 1 })).then(
        () => "accepted",
        (error: Error) => error.name,
      );
      return /SignatureDoesNotMatch|InvalidSignature/.test(answer)
        ? passed(answer)
        : failed(`another secret: ${answer}`);
    },
  },
  {
    name: "least-privilege",
    proves: "a worker's role is refused what it was not granted",
    onlyOnAws: "emulators allow everything",
    seconds: 60,
    run: withTasks(async ({ trespass }, signal) => {
      const answers = await (await trespass.delay()).get({ signal });
      const allowed = Object.entries(answers).filter(([, answer]) => !/AccessDenied/.test(answer));
      if (allowed.length > 0) return failed(allowed.map(([action, answer]) => `${action}: ${answer}`).join(", "));
      return passed(`${Object.keys(answers).join(", ")}: denied`);
    }),
  },
];
