# One image for every process of the gateway; docker-compose.yml says which one a container runs.

FROM python:3.11-slim AS packages
COPY requirements.txt requirements-s3.txt ./
RUN python -m venv /opt/esap \
    && /opt/esap/bin/pip install --no-cache-dir --require-hashes \
       -r requirements.txt -r requirements-s3.txt

FROM python:3.11-slim
RUN groupadd --gid 10001 esap \
    && useradd --uid 10001 --gid esap --no-create-home --home-dir /var/lib/esap esap \
    && install --directory --owner esap --group esap /var/lib/esap
COPY --from=packages /opt/esap /opt/esap
WORKDIR /srv/esap
COPY . .
RUN /opt/esap/bin/python -m compileall -q .
ENV PATH=/opt/esap/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=esap.settings.prod \
    ESAP_DATA_DIR=/var/lib/esap \
    ESAP_LOG_FORMAT=json
USER esap
EXPOSE 8000
# Each process has its own proof of life; ESAP_PROCESS names the process.
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 \
    CMD ["python", "-m", "esap.serve.healthy"]
CMD ["gunicorn", "esap.wsgi:application", "--config", "deploy/gunicorn.conf.py", "--bind", "0.0.0.0:8000"]
