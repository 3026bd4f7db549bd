"""An office that can be observed: traces on the console, metrics for Prometheus.

Needs: pip install 'relay-proto[otel]', SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone
number that is assigned to the context "office".
Run: export OTEL_SERVICE_NAME=office
     python observed.py, and open http://localhost:9464/metrics
Or:  relay run observed:client --health 127.0.0.1:8080, and open http://localhost:8080/metrics
Without an account: start ``relay sim``, and set the variables that it prints.
"""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from prometheus_client import start_http_server

import relay_otel
from relay_anyio import Call, RelayClient

# Here, and not in main(): `relay run` imports this module, and does not call main().
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

tracer = trace.get_tracer("office")
client = RelayClient(contexts=["office"])
relay_otel.observe(client)


@client.on_call
async def menu(call: Call) -> None:
    async with call:
        await call.answer()
        with tracer.start_as_current_span("menu") as span:  # below the call's span
            action = await call.play_and_collect(
                [{"type": "tts", "text": "Press one for sales, two for support"}],
                {"digits": {"max": 1, "digit_timeout": 5.0}},
            )
            event = await action.wait()
            wish = {"1": "sales", "2": "support"}.get(action.digits, "nothing")
            span.set_attribute("office.wants", wish)
        if action.digits:
            await (await call.play_tts("Thank you. We will call you back.")).wait()
        else:
            call.log.info("no choice: %r", event)


def main() -> None:
    start_http_server(9464, addr="127.0.0.1")
    client.run()


if __name__ == "__main__":
    main()
