SELECT stream, epoch, gen, last_seq, recorded_at
FROM pipeline_meta FINAL
ORDER BY stream
