"""Typical: callers wait in a queue until an agent takes them."""

from relay_anyio import EVENT_CALL_QUEUE, Call, QueueEvent, RelayClient, audio, playlist, silence

client = RelayClient(contexts=("support", "agents"))
waiting: dict[str, int] = {}


@client.on_call(contexts=["support"], cancel_on_end=True)
async def queue(call: Call) -> None:
    def moved(event: QueueEvent) -> None:
        waiting[event.call_id] = event.position

    call.on(EVENT_CALL_QUEUE, moved)
    await call.answer()
    async with call.expect(EVENT_CALL_QUEUE, lambda event: event.status == "enqueue") as entered:
        await call.queue_enter("support", wait_url="https://example.com/music.mp3")
        first = await entered.wait(timeout=5)
    await call.play_tts(f"You are number {first.position} of {first.size}.")
    music = await call.play(playlist(audio("https://example.com/a.mp3"), silence(2)), loop=0)
    await call.wait_for(EVENT_CALL_QUEUE, lambda event: event.status == "dequeue")
    await music.stop()


@client.on_call(contexts={"agents"})
async def take_next(agent: Call) -> None:
    await agent.answer()
    await agent.connect([[{"type": "queue", "params": {"queue_name": "support"}}]])
    await agent.wait_for_ended()


if __name__ == "__main__":
    client.run(backend="trio")
