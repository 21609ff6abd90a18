/** The two data centers. `a` and `b` are equals: either may be a stream's source. */
export const dataCenterKeys = ['a', 'b'] as const;
export type DataCenterKey = (typeof dataCenterKeys)[number];

export function otherDataCenter(key: DataCenterKey): DataCenterKey {
  return key === 'a' ? 'b' : 'a';
}
