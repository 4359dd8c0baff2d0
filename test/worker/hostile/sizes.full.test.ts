import { meetEach } from './meet-each.ts';
import { sizes } from './sizes.ts';

meetEach(sizes, 300_000);
