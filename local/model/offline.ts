import type { Access } from '../access/access.ts';
import type { LoopbackServer } from '../access/loopback.ts';
import { serveMessagesApi } from './messages-api.ts';
import { OFFLINE_MODEL } from './offline-model.ts';
import { nextTurn } from './offline-turn.ts';

/**
 * A Messages API server without a model: it carries out the literal replacements that a prompt names, by
 * real tool calls (see offline-turn.ts). It answers 404 to requests for another model.
 */
export function startOfflineModel(options: { port?: number; access: Access }): Promise<LoopbackServer> {
  return serveMessagesApi({
    name: 'offline model',
    port: options.port,
    access: options.access,
    models: {
      ids: [OFFLINE_MODEL],
      absent: (id) =>
        `model: ${id}. This server is the offline model, called \`${OFFLINE_MODEL}\`; Claude needs a key: set ANTHROPIC_API_KEY`,
    },
    respond: nextTurn,
  });
}
