// The contract of ../test_generations.py, on @signalwire/node 2.
const { RelayConsumer } = require('@signalwire/node')

const { FRIEND, OURS, IVR, DESK } = process.env
const tell = (...words) => console.log('>', ...words)

const desks = {
  async menu(call) {
    const prompt = await call.promptTTS({
      type: 'digits', text: 'Press 1 for sales.', initial_timeout: 20, digits_max: 1, digits_timeout: 5,
    })
    tell('chosen', prompt.result)
    const playback = await call.playTTS({ text: `You have chosen ${prompt.result}.` })
    if (playback.successful) tell('played')
    await call.hangup()
  },
  async bridge(call) {
    const connected = await call.connect({ type: 'phone', to: FRIEND, from: OURS, timeout: 20 })
    if (!connected.successful) return
    tell('bridge connected')
    await connected.call.waitForEnded()
    tell('bridge disconnected')
    await call.hangup()
  },
  async studio(call) {
    const detected = await call.detectAnsweringMachine({ timeout: 10 })
    tell('detected', detected.result)
    const recording = await call.recordAsync({ beep: true })
    await call.playTTS({ text: 'Please speak.' })
    await recording.stop()
    while (!recording.completed) await new Promise((resolve) => setTimeout(resolve, 20))
    tell('recorded', recording.state, Boolean(recording.url))
    await call.hangup()
  },
}

const consumer = new RelayConsumer({
  host: process.env.SIGNALWIRE_SPACE,
  project: process.env.SIGNALWIRE_PROJECT_ID,
  token: process.env.SIGNALWIRE_API_TOKEN,
  contexts: ['office'],
  ready: async () => tell('ready'),
  onIncomingCall: async (call) => {
    await call.answer()
    await desks[call.to === IVR ? 'menu' : call.to === DESK ? 'bridge' : 'studio'](call)
    tell('over', call.state)
  },
  onIncomingMessage: async (message) => {
    const [what, number] = message.body.split(' ')
    tell('a text', message.body)
    if (what === 'text') {
      await consumer.client.messaging.send({ from: OURS, to: number, body: 'Here is your answer.', context: 'office' })
      return
    }
    const dialed = await consumer.client.calling.dial({ type: 'phone', to: number, from: OURS, timeout: 1 })
    if (!dialed.successful) return tell('nobody', number)
    tell('reached', number, dialed.call.state)
    await dialed.call.hangup()
  },
  onMessageStateChange: (message) => tell('text', message.state),
})
consumer.run()
