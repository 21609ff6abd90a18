/** Milliseconds. A longer one fires at once (Node's `setTimeout`): wait so long, then look again. */
export const longestTimeout = 2 ** 31 - 1;
