/** The two data centers. `a` and `b` are equals: either may be a stream's source. */
export const sides = ['a', 'b'] as const;
export type Side = (typeof sides)[number];

export function otherSide(side: Side): Side {
  return side === 'a' ? 'b' : 'a';
}
