-- Its rows are in audience_1d_states.
DROP TABLE IF EXISTS {database}.audience_1d_rows
