let id: string | null = null;

/**
 * What tells this isolate from others: 16 hexadecimal digits. It is drawn by the first request, as a Worker has no
 * random numbers before.
 */
export function isolateId(): string {
  id ??= crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  return id;
}
