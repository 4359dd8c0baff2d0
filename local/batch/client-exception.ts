/** An error of the caller: HTTP 400, which the SDKs do not retry. */
export class ClientException extends Error {
  override readonly name = 'ClientException';
}
