// The contract of ../test_generations.py, on @signalwire/realtime-api 3.
const { Voice, Messaging } = require('@signalwire/realtime-api')

const { FRIEND, OURS, IVR, DESK } = process.env
const tell = (...words) => console.log('>', ...words)
const options = {
  host: process.env.SIGNALWIRE_SPACE,
  project: process.env.SIGNALWIRE_PROJECT_ID,
  token: process.env.SIGNALWIRE_API_TOKEN,
}

const desks = {
  async menu(call) {
    const prompt = await call.promptTTS({
      text: 'Press 1 for sales.', initialTimeout: 20, digits: { max: 1, digitTimeout: 5 },
    })
    const { digits } = await prompt.ended()
    tell('chosen', digits)
    const playback = await call.playTTS({ text: `You have chosen ${digits}.` })
    await playback.ended()
    tell('played')
    await call.hangup()
  },
  async bridge(call) {
    await call.connectPhone({ to: FRIEND, from: OURS, timeout: 20 })
    tell('bridge connected')
    await call.disconnected()
    tell('bridge disconnected')
    await call.hangup()
  },
  async studio(call) {
    const detector = await call.amd({ timeout: 10 })
    const { result } = await detector.ended()
    tell('detected', result)
    const recording = await call.recordAudio({ beep: true })
    const playback = await call.playTTS({ text: 'Please speak.' })
    await playback.ended()
    await recording.stop()
    await recording.ended()
    tell('recorded', recording.state, Boolean(recording.url))
    await call.hangup()
  },
}

const voice = new Voice.Client({ ...options, contexts: ['office'] })
const messaging = new Messaging.Client({ ...options, contexts: ['texts'] })

voice.on('call.received', async (call) => {
  await call.answer()
  await desks[call.to === IVR ? 'menu' : call.to === DESK ? 'bridge' : 'studio'](call)
  tell('over', call.state)
})
messaging.on('message.received', async (message) => {
  const [what, number] = message.body.split(' ')
  tell('a text', message.body)
  if (what === 'text') {
    await messaging.send({ from: OURS, to: number, body: 'Here is your answer.', context: 'texts' })
    return
  }
  try {
    const call = await voice.dialPhone({ to: number, from: OURS, timeout: 1 })
    tell('reached', number, call.state)
    await call.hangup()
  } catch {
    tell('nobody', number)
  }
})
messaging.on('message.updated', (message) => tell('text', message.state))
tell('ready') // the contexts are subscribed with the sessions
