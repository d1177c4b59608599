// Fastify at 127.0.0.1 with one route that does nothing: what an HTTP response costs at the least in it.
import Fastify from 'fastify'

/** What the load takes for an answer: a leecher alone. */
const REPLY = 'd8:completei0e10:incompletei1e8:intervali1800e12:min intervali900e5:peers0:e'

const app = Fastify()
app.get('/announce', async (_, reply) => reply.type('text/plain').send(REPLY))
await app.listen({ host: '127.0.0.1', port: Number(process.argv[2]) })
process.on('SIGTERM', () => process.exit(0))
