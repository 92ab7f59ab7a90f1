INSERT INTO pipeline_meta (stream, epoch, gen, last_seq, recorded_at)
