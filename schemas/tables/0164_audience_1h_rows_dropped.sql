-- Its rows are in audience_1h_states.
DROP TABLE IF EXISTS {database}.audience_1h_rows
