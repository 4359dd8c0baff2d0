import * as oauth from 'oauth4webapi';

/** What this page knows of the issuer. */
export type Issuer = {
  server: oauth.AuthorizationServer;
  client: oauth.Client;
  options: { [oauth.allowInsecureRequests]?: boolean };
};

/** Plain HTTP is for an issuer on this machine alone. */
export async function discover(url: URL, clientId: string): Promise<Issuer> {
  const isHere = url.hostname === '127.0.0.1' || url.hostname === 'localhost';
  const options = isHere ? { [oauth.allowInsecureRequests]: true } : {};
  const response = await oauth.discoveryRequest(url, options);
  const server = await oauth.processDiscoveryResponse(url, response);
  return { server, client: { client_id: clientId }, options };
}
