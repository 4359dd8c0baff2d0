import { meetEach } from '../../support/hostile/meet-each.ts';
import { paths } from '../../support/hostile/paths.ts';

meetEach(paths);
