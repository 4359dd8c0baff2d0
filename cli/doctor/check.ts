import { ApiClient } from '../connect/api-client.ts';
import { authorizationOf } from '../connect/tokens.ts';

/** `note`: nothing is wrong, but a user may want to know. */
export type Check = { name: string; state: 'ok' | 'note' | 'bad'; detail: string };

/** Does a check, which is bad if it throws. */
export async function check(name: string, work: () => Promise<Omit<Check, 'name'> | string>): Promise<Check> {
  try {
    const found = await work();
    return { name, ...(typeof found === 'string' ? { state: 'ok', detail: found } : found) };
  } catch (error) {
    return { name, state: 'bad', detail: (error as Error).message };
  }
}

/** Whether a deployment answers, and what the caller may do there. */
export async function checkDeployment(url: string): Promise<Check[]> {
  const api = new ApiClient(url, authorizationOf(url));
  return Promise.all([
    check('API', async () => {
      const { status, version, model } = await api.health();
      return { state: status === 'ok' ? 'ok' : 'bad', detail: `${status}, version ${version}, ${model}` };
    }),
    check('sign-in', async () => {
      const { caller, roles } = await api.me();
      if (roles.length > 0) return `${caller ?? 'you'}: ${roles.join(', ')}`;
      return {
        state: 'bad',
        detail: `${caller ?? 'You'} has no role. Ask an administrator for a group: viewer, runner or admin.`,
      };
    }),
  ]);
}
