import { meetEach } from './meet-each.ts';
import { sizes } from './sizes.ts';

meetEach(sizes, 900_000);
