"""A Django service: a request calls somebody and speaks a text; calls that come in are answered.

All of it is in one file, with the settings. In a project, the views and the client go into an app.
Needs: pip install django. SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that
is assigned to the context "office". OUR_NUMBER is this number. DJANGO_SECRET_KEY is a secret.
Run: python django_service_sync.py runserver --noreload
     curl --data-urlencode to=+15550003000 -d text=Hello http://127.0.0.1:8000/calls
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import os
import re
import secrets
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from relay_sync import Call, DialFailedError, DialTimeoutError, Done, RelayClient, RelayError

OURS = os.environ.get("OUR_NUMBER", "+15550002222")
MOST_CALLS = 20
MOST_REMEMBERED = 1000

client = RelayClient(contexts=["office"])
pool = ThreadPoolExecutor(MOST_CALLS)
results: dict[str, str] = {}
lock = threading.Lock()  # each request has a thread of its own


@csrf_exempt  # the client of this API is a program, not a page
@require_POST
def start(request: HttpRequest) -> JsonResponse:
    try:
        client.connect(timeout=10)  # does nothing if the client is connected
    except RelayError as error:
        return JsonResponse({"error": str(error)}, status=503)
    to, text = request.POST.get("to", ""), request.POST.get("text", "")
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", to) or not 1 <= len(text) <= 1000:
        message = "to must be a number like +15550003000, and text must not be empty"
        return JsonResponse({"error": message}, status=400)
    number = uuid.uuid4().hex
    with lock:
        while len(results) >= MOST_REMEMBERED:
            del results[next(iter(results))]
        results[number] = "calling"
    pool.submit(announce, number, to, text)
    return JsonResponse({"id": number}, status=202)


@require_GET
def show(_request: HttpRequest, number: str) -> JsonResponse:
    if number not in results:
        return JsonResponse({"error": "there is no such call"}, status=404)
    return JsonResponse({"id": number, "result": results[number]})


@require_GET
def health(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"relay": client.state}, status=200 if client.state == "ready" else 503)


def announce(number: str, to: str, text: str) -> None:
    try:
        call = client.dial_phone(to, OURS, timeout=25, dial_timeout=40)
        with call:  # hangs up at the end, whatever happens
            outcome = call.play_tts(text).wait_outcome(timeout=120)
        results[number] = "heard" if isinstance(outcome, Done) else "not heard to the end"
    except DialFailedError as error:
        results[number] = f"not reached: {error.reason}"
    except DialTimeoutError:
        results[number] = "not reached: timeout"
    except (RelayError, TimeoutError) as error:
        results[number] = f"failed: {error}"


@client.on_call
def take_call(call: Call) -> None:
    with call:
        call.answer()
        call.play_tts("Thank you for calling. We are open from nine to five.").wait(timeout=60)


urlpatterns = [path("calls", start), path("calls/<number>", show), path("health", health)]
if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY") or secrets.token_urlsafe(),
    )
application = get_wsgi_application()  # for a server such as gunicorn

if __name__ == "__main__":
    client.connect(retry=True, timeout=60)
    try:
        execute_from_command_line(sys.argv)
    finally:
        client.drain(10, hang_up=True)  # calls that are up get 10 s
