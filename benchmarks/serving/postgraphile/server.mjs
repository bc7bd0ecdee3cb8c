// PostGraphile as its documentation wants it in production: no GraphiQL, no WebSockets, nothing watched or explained,
// statements prepared, and as many connections as the others have. The database is that of PGHOST, PGUSER and so on.
import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      schemas: ['app'],
      poolConfig: { max: Number(process.env.CONNECTIONS), options: '-c jit=off' },
      pubsub: false,
    }),
  ],
  grafserv: { graphiql: false, graphiqlOnGraphQLGET: false, websockets: false, watch: false, outputDataAsString: true },
  grafast: {
    explain: false,
    // Who asks, as `user;group,group`. Of a visitor nothing is set, which spares PostGraphile a transaction.
    context(request) {
      const viewer = request.node?.req.headers['x-viewer']
      if (!viewer) return {}
      const [user, groups] = viewer.split(';')
      return { pgSettings: { 'genji.user_id': user, 'genji.group_ids': `{${groups}}` } }
    },
  },
}

const server = createServer()
server.keepAliveTimeout = 600_000
await postgraphile(preset).createServ(grafserv).addTo(server)
server.listen(Number(process.env.PORT), '127.0.0.1')
