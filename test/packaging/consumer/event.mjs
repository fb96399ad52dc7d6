// What Lambda makes of messages it has received.
export const eventOf = (deliveries) => ({
  Records: deliveries.map(({ messageId, receipt, body, receiveCount, sentAt, queue }) => ({
    messageId,
    receiptHandle: receipt,
    body,
    attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
    eventSourceARN: `arn:aws:sqs:eu-central-1:123456789012:${queue}`,
  })),
});

export const context = { awsRequestId: "r-1", functionName: "packed", getRemainingTimeInMillis: () => 60_000 };
