import { meetEach } from './meet-each.ts';
import { orders } from './orders.ts';

meetEach(orders);
