"""What the house rules must find, one function for each; nothing here is ever run."""

# ruff: noqa
# mypy: ignore-errors


def raw_http():
    import requests

    return requests.get("https://ehr.example")


def record_text_in_a_card(condition):
    return {"detail": condition.text}


def text_in_the_log(log, error):
    log.write("fault", error=str(error))


def facts_in_the_log(log, record):
    log.write("answered", age=record.age)


def print_():
    print("x")


def name_from_the_host_header(request):
    return request.url_root


def environment():
    import os

    return os.environ["HOME"]


def code_from_data(text):
    return eval(text)
