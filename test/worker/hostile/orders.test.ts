import { meetEach } from '../../support/hostile/meet-each.ts';
import { orders } from '../../support/hostile/orders.ts';

meetEach(orders);
