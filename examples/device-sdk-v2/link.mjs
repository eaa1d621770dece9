/** The connection to the broker, by the AWS IoT Device SDK v2: MQTT 3.1.1, mutual TLS, QoS 1, clean session. */
import { iot, mqtt } from 'aws-iot-device-sdk-v2'

const FIRST_MS = 1_000
const LONGEST_MS = 120_000

/**
 * Keeps a connection up. Each attempt is a connection of its own, because the SDK's own reconnection would send again
 * what this device repeats by itself, and would not spread a fleet over the whole pause.
 * @param {{ endpoint: string, ca: string, cert: string, key: string, thing: string, filters: string[],
 *   onUp: () => void, onDown: () => void, onMessage: (topic: string, payload: Buffer) => void,
 *   log: (code: string, detail?: string) => void }} options
 */
export function openLink(options) {
  const { endpoint, thing, filters, onUp, onDown, onMessage, log } = options
  const [, host, port] = /^(.+):(\d+)$/.exec(endpoint) ?? []
  if (host === undefined) throw new Error(`EDGELOOP_ENDPOINT: must be host:port, not ${endpoint}`)
  const client = new mqtt.MqttClient()
  /** @type {mqtt.MqttClientConnection | null} */
  let current = null
  let attempt = 0

  const again = () => {
    const pause = Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt)
    attempt = Math.min(attempt + 1, 20)
    setTimeout(open, pause)
  }
  const end = (connection, why) => {
    if (current !== connection) return
    current = null
    log('CONNECTION_LOST', why)
    connection.disconnect().catch(() => undefined)
    onDown()
    again()
  }
  const open = async () => {
    const connection = client.new_connection(configure(options, host, Number(port)))
    connection.on('error', error => end(connection, error.message))
    connection.on('interrupt', error => end(connection, error.message))
    // An exception in here would abort the process from within the SDK. It hands an empty message out as an ArrayBuffer
    // that is detached, of which no view can be made.
    connection.on('message', (topic, payload) => {
      if (current !== connection) return
      onMessage(topic, payload.byteLength === 0 ? Buffer.alloc(0) : Buffer.from(payload))
    })
    current = connection
    try {
      await connection.connect()
      for (const filter of filters) {
        const { qos } = await connection.subscribe(filter, mqtt.QoS.AtLeastOnce)
        if (qos !== mqtt.QoS.AtLeastOnce) throw new Error(`the subscription to ${filter} was refused`)
      }
    } catch (error) {
      end(connection, error.message)
      return
    }
    if (current !== connection) return
    attempt = 0
    onUp()
  }
  void open()
  return {
    get up() {
      return current !== null
    },
    /** Resolves with true when the broker has it. */
    async publish(topic, payload) {
      const mine = current
      if (mine === null) return false
      try {
        await mine.publish(topic, payload, mqtt.QoS.AtLeastOnce, false)
        return current === mine
      } catch (error) {
        log('SEND_FAILED', `${thing}: ${error.message}`)
        return false
      }
    },
  }
}

function configure({ ca, cert, key, thing }, host, port) {
  return iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(cert, key)
    .with_certificate_authority_from_path(undefined, ca)
    .with_endpoint(host)
    .with_port(port)
    .with_client_id(thing)
    .with_clean_session(true)
    .with_keep_alive_seconds(60)
    .with_ping_timeout_ms(10_000)
    .with_protocol_operation_timeout_ms(20_000)
    .build()
}
