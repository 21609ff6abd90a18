import { app } from '@azure/functions';
import { note } from './notes.ts';

app.timer('never', {
  schedule: '0 0 0 1 1 *',
  handler: (timer) => note('never', { isPastDue: timer.isPastDue }),
});
app.timer('often', {
  schedule: '%OFTEN%',
  handler: (timer) => note('often', { isPastDue: timer.isPastDue }),
});
