import { idOf, type MediaProcessor } from '../model.ts';

/** The processors of this service, with the ids of the reference. */
export const mediaProcessors: readonly MediaProcessor[] = [
  {
    Id: idOf('MediaProcessor', 'ff4df607-d419-42f0-bc17-a481b1331e56'),
    Name: 'Media Encoder Standard',
    Description: 'Media Encoder Standard',
    Sku: '',
    Vendor: 'Microsoft',
    Version: '1.1',
  },
];

export function knownProcessor(id: string): boolean {
  return mediaProcessors.some((processor) => processor.Id === id);
}
