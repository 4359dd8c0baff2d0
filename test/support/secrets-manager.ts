import { type LoopbackServer, listenOnLoopback, readBody } from '../../local/access/loopback.ts';

/** GetSecretValue of Secrets Manager's JSON protocol; any other name is ResourceNotFoundException, as there. */
export function startSecretsManager(secrets: Record<string, string>): Promise<LoopbackServer> {
  return listenOnLoopback(
    async (request, response) => {
      const body = JSON.parse(String(await readBody(request, 10_000)));
      const SecretString = secrets[body.SecretId];
      const isKnown =
        request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue' && SecretString !== undefined;
      const headers = { 'content-type': 'application/x-amz-json-1.1' };
      if (isKnown)
        response.writeHead(200, headers).end(JSON.stringify({ Name: body.SecretId, SecretString }));
      else
        response
          .writeHead(400, headers)
          .end(JSON.stringify({ __type: 'ResourceNotFoundException', message: `No ${body.SecretId}` }));
    },
    { access: 'anyone', name: 'secrets manager' },
  );
}
