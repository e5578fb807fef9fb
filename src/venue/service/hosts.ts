/** Names by which a machine calls itself. */
export const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Whether a host is one of these names.
 * @param host   of an address, with its port if that has one
 * @param names  with a port, which is then meant, or without one, for any
 */
export function isHostOf(host: string, names: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/:\d{1,5}$/, "");
  return names.some((known) => [host.toLowerCase(), name].includes(known.toLowerCase()));
}
