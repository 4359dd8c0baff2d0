import { meetEach } from '../../support/hostile/meet-each.ts';
import { everydayPaths } from '../../support/hostile/paths.ts';

meetEach(everydayPaths);
