// A client for `relay conform`, on @signalwire/realtime-api 4.
const { SignalWire } = require('@signalwire/realtime-api')

const { CONFORM_CONTEXT, CONFORM_FROM, CONFORM_TO } = process.env

async function main() {
  const client = await SignalWire({
    host: process.env.SIGNALWIRE_SPACE,
    project: process.env.SIGNALWIRE_PROJECT_ID,
    token: process.env.SIGNALWIRE_API_TOKEN,
  })
  await client.voice.listen({
    topics: [CONFORM_CONTEXT],
    async onCallReceived(call) {
      await call.answer()
      await call.playTTS({ text: 'Please speak after the tone.' }).onEnded()
      await call.recordAudio().onEnded()
      await call.hangup()
    },
  })
  await client.messaging.listen({
    topics: [CONFORM_CONTEXT],
    async onMessageReceived() {
      const call = await client.voice.dialPhone({ to: CONFORM_TO, from: CONFORM_FROM, timeout: 30 })
      await call.hangup()
    },
  })
}

// A handler that fails must not end the process: other calls go on.
process.on('unhandledRejection', (error) => console.error(error))
main()
