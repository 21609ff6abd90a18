/**
 * Whether a storage account's connection string names a table endpoint of plain http, as an emulator's on this machine
 * is. The library of tables refuses http unless it is told to allow it.
 */
export function hasHttpTables(connectionString: string): boolean {
  const setting = (name: string): string | undefined =>
    new RegExp(`(?:^|;)\\s*${name}\\s*=\\s*([^;]*)`, 'i').exec(connectionString)?.[1]?.toLowerCase();
  if (setting('UseDevelopmentStorage')?.trim() === 'true') return true;
  const endpoint = setting('TableEndpoint') ?? `${setting('DefaultEndpointsProtocol') ?? 'https'}:`;
  return endpoint.trim().startsWith('http:');
}
