import { commands } from './commands.ts';
import { meetEach } from './meet-each.ts';

meetEach(commands);
