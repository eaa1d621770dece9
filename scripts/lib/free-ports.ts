import { createServer } from 'node:net'

const HOST = '127.0.0.1'

export interface Ports {
  readonly port: number
  readonly mqttPort: number
  readonly consolePort: number
}

/** Binds each port and lets it go again. Rejects with the option to change when one is taken or not allowed. */
export async function assertPortsFree({ port, mqttPort, consolePort }: Ports): Promise<void> {
  await assertFree('port', port)
  await assertFree('mqtt-port', mqttPort)
  await assertFree('console-port', consolePort)
}

function assertFree(option: string, port: number): Promise<void> {
  if (port === 0) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? 'is in use'
          : cause.code === 'EACCES'
            ? 'is not open to this user'
            : `cannot be used (${cause.message})`
      reject(new Error(`port ${port} ${why}; choose another with --${option}`, { cause }))
    })
    server.listen(port, HOST, () => server.close(() => resolve()))
  })
}
