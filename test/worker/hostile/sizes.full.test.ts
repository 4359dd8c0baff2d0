import { meetEach } from '../../support/hostile/meet-each.ts';
import { sizes } from '../../support/hostile/sizes.ts';

meetEach(sizes, 900_000);
