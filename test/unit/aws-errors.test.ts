import { expect, test } from "vitest";
import { entryToBrokerError, toBrokerError, toPayloadError, toStoreError } from "../../lib/aws/to-error.ts";
import {
  AccessDenied,
  BrokerUnavailable,
  BucketNotFound,
  InvalidOption,
  MessageTooLarge,
  NotSerializable,
  PayloadStoreUnavailable,
  QueueNotFound,
  RequestRefused,
  ResultTooLarge,
  StoreUnavailable,
  TableNotFound,
} from "../../lib/errors.ts";

const SQS_CALL = { queue: "duckling-default", action: "SendMessage", where: "SQS in eu-west-1" };
const DYNAMODB_CALL = { table: "duckling", action: "UpdateItem", where: "DynamoDB in eu-west-1" };

function sdkError(name: string, status?: number, message = "says AWS"): Error {
  return Object.assign(new Error(message), { name, ...(status && { $metadata: { httpStatusCode: status } }) });
}
const regionIs = (region: string) => `region="${region}" is not a valid hostname component.`;
const network = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

test.each([
  [sdkError("QueueDoesNotExist", 400), QueueNotFound, false, /"duckling-default" does not exist at SQS in eu-west-1/],
  [sdkError("AWS.SimpleQueueService.NonExistentQueue", 400), QueueNotFound, false, /does not exist/],
  [sdkError("AccessDenied", 403), AccessDenied, false, /^sqs:SendMessage on queue "duckling-default" is not allowed/],
  [sdkError("KmsAccessDenied", 400), AccessDenied, false, /KmsAccessDenied/],
  [sdkError("CredentialsProviderError"), AccessDenied, false, /no usable AWS credentials .* aws sso login/],
  [sdkError("ExpiredToken", 403), AccessDenied, false, /have expired/],
  [sdkError("InvalidClientTokenId", 403), AccessDenied, false, /does not accept the credentials/],
  [new Error("Region is missing"), InvalidOption, false, /set AWS_REGION/],
  [new Error(`Region not accepted: ${regionIs("")}`), InvalidOption, false, /no AWS region is set; set AWS_REGION/],
  [new Error(`Region not accepted: ${regionIs("eu west")}`), InvalidOption, false, /the AWS region is "eu west"; AWS_/],
  [sdkError("InvalidMessageContents", 400), NotSerializable, false, /characters that SQS does not carry/],
  [sdkError("RequestThrottled", 400), BrokerUnavailable, true, /RequestThrottled/],
  [sdkError("OverLimit", 403), BrokerUnavailable, true, /OverLimit/],
  [sdkError("ServiceUnavailable", 503), BrokerUnavailable, true, /503|ServiceUnavailable/],
  [sdkError("TimeoutError"), BrokerUnavailable, true, /TimeoutError/],
  [network("ECONNREFUSED"), BrokerUnavailable, true, /at SQS in eu-west-1 failed: connect ECONNREFUSED/],
  [Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }), BrokerUnavailable, true, /failed: ECONNREFUSED/],
  [network("ENOTFOUND"), BrokerUnavailable, true, /ENOTFOUND/],
  [sdkError("InvalidAddress", 404), RequestRefused, false, /SendMessage/],
  ["a string", BrokerUnavailable, false, /a string/],
])("SQS: %s", (cause, type, retryable, message) => {
  const refusal = toBrokerError(cause, SQS_CALL);
  expect(refusal).toMatchObject({ error: expect.any(type), retryable });
  expect(refusal.error.message).toMatch(message);
  expect(refusal.error.cause).toBe(cause);
});

test("an entry of a batch: its sender's fault is final, SQS's own is not", () => {
  expect(entryToBrokerError({ Code: "InternalError", SenderFault: false }, SQS_CALL).retryable).toBe(true);
  expect(entryToBrokerError({ Code: "InvalidParameterValue", SenderFault: true }, SQS_CALL).retryable).toBe(false);
});

test("a queue with a smaller limit than SQS's own is named with its limit", () => {
  const Message = "One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes.";
  const { error } = entryToBrokerError(
    { Code: "InvalidParameterValue", SenderFault: true, Message },
    SQS_CALL,
    "x".repeat(300_000),
  );
  expect(error).toBeInstanceOf(MessageTooLarge);
  expect(error.message).toContain("300000 bytes, the limit is 262144");
});

test.each([
  [sdkError("ResourceNotFoundException", 400), TableNotFound, /"duckling" does not exist/],
  [sdkError("AccessDeniedException", 400), AccessDenied, /^dynamodb:UpdateItem on table "duckling"/],
  [sdkError("UnrecognizedClientException", 400), AccessDenied, /does not accept/],
  [sdkError("ProvisionedThroughputExceededException", 400), StoreUnavailable, /failed/],
  [sdkError("InternalServerError", 500), StoreUnavailable, /failed/],
  [
    sdkError("ValidationException", 400, "bad expression"),
    RequestRefused,
    /was refused: ValidationException: bad expression/,
  ],
  [network("ECONNRESET"), StoreUnavailable, /ECONNRESET/],
])("DynamoDB: %s", (cause, type, message) => {
  const error = toStoreError(cause, DYNAMODB_CALL);
  expect(error).toBeInstanceOf(type);
  expect(error.message).toMatch(message);
  expect(error.cause).toBe(cause);
});

test("DynamoDB: an item over its limit is a result too large", () => {
  const cause = sdkError("ValidationException", 400, "Item size to update has exceeded the maximum allowed size");
  const error = toStoreError(cause, { ...DYNAMODB_CALL, item: { task: "resize", bytes: 500_000 } });
  expect(error).toBeInstanceOf(ResultTooLarge);
  expect(error.message).toMatch(/"resize" is 500000 bytes, the limit is 409600/);
});

test.each([
  [sdkError("NoSuchBucket", 404), BucketNotFound, /bucket "ducklings" does not exist/, false],
  [sdkError("AccessDenied", 403), AccessDenied, /^s3:PutObject on "duckling\/\*" in bucket "ducklings"/, false],
  [sdkError("InvalidAccessKeyId", 403), AccessDenied, /does not accept/, false],
  [sdkError("SlowDown", 503), PayloadStoreUnavailable, /failed: SlowDown/, true],
  [sdkError("InternalError", 500), PayloadStoreUnavailable, /failed/, true],
  [network("ECONNREFUSED"), PayloadStoreUnavailable, /ECONNREFUSED/, true],
  [sdkError("EntityTooLarge", 400), RequestRefused, /was refused: EntityTooLarge/, false],
])("S3: %s", (cause, type, message, retryable) => {
  const call = { bucket: "ducklings", prefix: "duckling/", action: "PutObject", where: "S3 in eu-west-1" };
  const refusal = toPayloadError(cause, call);
  expect(refusal.error).toBeInstanceOf(type);
  expect(refusal.error.message).toMatch(message);
  expect(refusal.error.cause).toBe(cause);
  expect(refusal.retryable).toBe(retryable);
});
