import { commands } from '../../support/hostile/commands.ts';
import { meetEach } from '../../support/hostile/meet-each.ts';

meetEach(commands);
