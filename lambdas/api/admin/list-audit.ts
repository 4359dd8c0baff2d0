import { z } from 'zod';
import { AuditLine } from '../../../core/audit.ts';
import { route } from '../route.ts';

const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
});

const AuditList = z.object({
  lines: z.array(AuditLine),
  /** Absent on the last page. */
  cursor: z.string().optional(),
});

/** What administrators did, newest first. */
export const listAudit = route(
  'GET',
  '/admin/audit',
  { role: 'admin', summary: 'What administrators did, newest first.', query, responses: { 200: AuditList } },
  async ({ query }, { auditLog }) => ({ json: await auditLog.list(query) }),
);
