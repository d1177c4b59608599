// The health check of the image: whether the process of this container serves or, where it started several, the first of them,
// whose metrics are at the next port.
const [, host, port] = /^(.*):(\d+)$/.exec(process.env.REDSWARM_METRICS_LISTEN.split(',')[0])
const from = host.replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]')
const isReady = async (port) => (await fetch(`http://${from}:${port}/health/ready`)).ok
const answers = await Promise.allSettled([isReady(Number(port)), isReady(Number(port) + 1)])
process.exit(answers.some(({ value }) => value === true) ? 0 : 1)
