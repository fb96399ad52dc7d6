import { expect, test } from "vitest";
import { readQueueUrlBase } from "../../lib/environment.ts";
import { InvalidOption } from "../../lib/errors.ts";

const read = (value: string | undefined) => readQueueUrlBase({ LOVAGE_QUEUE_URL_BASE: value });

test.each([
  "https://sqs.eu-west-1.amazonaws.com/123456789012",
  "https://sqs.cn-north-1.amazonaws.com.cn/123456789012",
  "https://vpce-0a1b.sqs.eu-west-1.vpce.amazonaws.com/123456789012",
  "http://127.0.0.1:9324/000000000000",
])("queue URLs begin with %s", (base) => {
  expect(read(base)).toBe(base);
  expect(read(`${base}/`)).toBe(base);
});

test.each([undefined, ""])("queues are asked for where the variable is %j", (value) => {
  expect(read(value)).toBeUndefined();
});

test.each([
  ["no URL", "123456789012"],
  ["another protocol", "ftp://sqs.eu-west-1.amazonaws.com/123456789012"],
  ["no account", "https://sqs.eu-west-1.amazonaws.com"],
  ["an account that is none", "https://sqs.eu-west-1.amazonaws.com/12345"],
  ["a queue's whole URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-default"],
  ["a query", "https://sqs.eu-west-1.amazonaws.com/123456789012?x=1"],
  ["blanks", " https://sqs.eu-west-1.amazonaws.com/123456789012"],
])("%s is refused: the variable, its value and what it takes", (_, value) => {
  expect(() => read(value)).toThrow(InvalidOption);
  expect(() => read(value)).toThrow(
    `LOVAGE_QUEUE_URL_BASE is ${JSON.stringify(value)}; it takes the URL of a queue without the queue's name, such as "https://sqs.eu-west-1.amazonaws.com/123456789012"`,
  );
});
