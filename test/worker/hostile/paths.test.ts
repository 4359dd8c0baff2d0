import { meetEach } from './meet-each.ts';
import { paths } from './paths.ts';

meetEach(paths);
