import { eventTypes, type HistoryEvent } from './history.ts';

const day = 24 * 60 * 60 * 1000;
/** A timer longer than this is made of pieces (DurableTask.AzureStorage's queue messages live seven days). */
const longestTimer = 6 * day;
const timerPieceLength = 3 * day;

/**
 * The event that starts a timer, or its next piece.
 * @param fireAt milliseconds since 1970
 */
export function timerPiece(
  fireAt: number,
  base: { readonly EventId: number; readonly Timestamp: string },
  firstPieceId: number | undefined,
): HistoryEvent {
  const now = Date.parse(base.Timestamp);
  const event = { EventType: eventTypes.timerCreated, ...base };
  const continued = firstPieceId === undefined ? {} : { FirstPieceId: firstPieceId };
  if (fireAt - now <= longestTimer) return { ...event, ...continued, FireAt: new Date(fireAt).toISOString() };
  return {
    ...event,
    ...continued,
    FireAt: new Date(now + timerPieceLength).toISOString(),
    FinalFireAt: new Date(fireAt).toISOString(),
  };
}
