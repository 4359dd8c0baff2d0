/** What Batch answers when the request is at fault: HTTP 400, which the SDKs do not retry. */
export class ClientException extends Error {
  override readonly name = 'ClientException';
}
