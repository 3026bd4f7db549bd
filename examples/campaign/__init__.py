"""A campaign: call ten thousand people with a message, each of them once, by workers of Celery.

Needs: pip install 'relay-proto[campaign]', a Redis server, and SIGNALWIRE_PROJECT_ID and
SIGNALWIRE_API_TOKEN. OUR_NUMBER is a phone number of yours. See settings.py for the rest.
Run: python -m campaign load people.csv
     celery -A campaign.worker worker --pool threads --concurrency 50    (as many as you like)
     python -m campaign run
     python -m campaign progress
Without an account: start ``relay sim``, and set the variables that it prints.

The database knows everything; the queue may be lost. See docs/guide/campaigns.md.

- rules.py      when to call, when to call again, what a crash means: pure functions
- database.py   people, attempts and workers; each change is one transaction
- people.py     reads the file of people, and says what is wrong with it
- zones.py      time zones by their names
- calling.py    one attempt: wait for the turn, dial, leave the message
- worker.py     the process of a Celery worker, with its client
- __main__.py   the command
"""
