/** The Function App: reads its configuration, builds what the functions need, and registers them. */
import { app } from '@azure/functions';
import { createActivities } from '../activities/activities.ts';
import { Claims, claimsTable } from '../activities/claims.ts';
import { createDataCenter } from '../activities/data-center.ts';
import { ownTablesConfig, workflowConfig } from '../config/workflow.ts';
import { createTelemetry } from '../telemetry.ts';
import { registerCommands } from './commands.ts';
import { registerDurable } from './durable.ts';
import { registerHealth } from './health.ts';
import { registerOpenApi } from './openapi.ts';
import { registerOperations } from './operations.ts';
import { registerResyncTimer } from './resync-timer.ts';
import { registerStreams } from './streams.ts';
import { registerUploads } from './uploads.ts';

const config = workflowConfig();
const dependencies = {
  dataCenters: {
    a: createDataCenter(config.dataCenters.a, config.credentials),
    b: createDataCenter(config.dataCenters.b, config.credentials),
  },
  claims: new Claims(claimsTable(ownTablesConfig())),
  telemetry: createTelemetry(config.applicationInsights),
  settings: config,
};
app.hook.appTerminate(() => dependencies.telemetry.flush());
const application = { config, dependencies, activities: createActivities(dependencies) };

registerDurable(application);
registerCommands(application);
registerStreams(application);
registerUploads(application);
registerOperations(application);
registerHealth(application);
registerOpenApi();
registerResyncTimer(application);
