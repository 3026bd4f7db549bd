// The contract of ../test_generations.py, on @signalwire/realtime-api 4.
const { SignalWire } = require('@signalwire/realtime-api')

const { FRIEND, OURS, IVR, DESK } = process.env
const tell = (...words) => console.log('>', ...words)

const desks = {
  async menu(call) {
    const prompt = await call
      .promptTTS({ text: 'Press 1 for sales.', initialTimeout: 20, digits: { max: 1, digitTimeout: 5 } })
      .onEnded()
    tell('chosen', prompt.digits)
    await call.playTTS({ text: `You have chosen ${prompt.digits}.` }).onEnded()
    tell('played')
    await call.hangup()
  },
  async bridge(call) {
    const peer = await call.connectPhone({ to: FRIEND, from: OURS, timeout: 20 })
    tell('bridge connected')
    await peer.disconnected()
    tell('bridge disconnected')
    await call.hangup()
  },
  async studio(call) {
    const detector = await call.detectAnsweringMachine({ timeout: 10 }).onEnded()
    tell('detected', detector.result)
    const recording = await call.recordAudio({ beep: true }).onStarted()
    await call.playTTS({ text: 'Please speak.' }).onEnded()
    await recording.stop()
    tell('recorded', recording.state, Boolean(recording.url))
    await call.hangup()
  },
}

async function main() {
  const client = await SignalWire({
    host: process.env.SIGNALWIRE_SPACE,
    project: process.env.SIGNALWIRE_PROJECT_ID,
    token: process.env.SIGNALWIRE_API_TOKEN,
  })
  await client.voice.listen({
    topics: ['office'],
    async onCallReceived(call) {
      await call.answer()
      await desks[call.to === IVR ? 'menu' : call.to === DESK ? 'bridge' : 'studio'](call)
      tell('over', call.state)
    },
  })
  await client.messaging.listen({
    topics: ['office'],
    async onMessageReceived(message) {
      const [what, number] = message.body.split(' ')
      tell('a text', message.body)
      if (what === 'text') {
        await client.messaging.send({ from: OURS, to: number, body: 'Here is your answer.', context: 'office' })
        return
      }
      try {
        const call = await client.voice.dialPhone({ to: number, from: OURS, timeout: 1 })
        tell('reached', number, call.state)
        await call.hangup()
      } catch {
        tell('nobody', number)
      }
    },
    onMessageUpdated: (message) => tell('text', message.state),
  })
  tell('ready')
}

main()
